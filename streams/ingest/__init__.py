"""The process that owns every camera connection and publishes packets. Decodes nothing."""
