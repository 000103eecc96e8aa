"""The promotion rule and the MLflow Model Registry."""
