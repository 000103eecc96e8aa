"""How flows run by themselves: Prefect deployments."""
