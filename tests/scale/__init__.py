"""Past one machine: a real Milvus cluster on this one, and what becomes of it when a part of it dies."""
