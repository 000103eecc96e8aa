"""The only code that knows file formats: fingerprints, manifests, Parquet shards, token shards."""
