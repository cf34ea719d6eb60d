"""The one graph as TFLite, its flatbuffer written directly."""
