"""The server for MCP clients: tools to search, ask and check, and resources to read."""
