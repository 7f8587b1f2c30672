"""The only room that knows RSGI and ASGI: the route table, reading requests, problems, health, native API."""
