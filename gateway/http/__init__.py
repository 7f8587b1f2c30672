"""The only room that knows ASGI: the route table, reading requests, problems, health, native API."""
