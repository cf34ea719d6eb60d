package android.content;

/** See stubs/README.md. */
public final class ComponentName {}
