"""/api/v1: everything that the pages do, for programs; described by /api/v1/openapi.json."""
