"""A face motion: read from files, measured, cleaned, retargeted to a portrait. numpy only."""
