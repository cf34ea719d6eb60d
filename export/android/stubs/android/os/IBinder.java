package android.os;

/** See stubs/README.md. */
public interface IBinder {}
