package android.os;

/** See stubs/README.md. */
public final class Bundle {}
