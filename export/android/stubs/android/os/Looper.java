package android.os;

/** See stubs/README.md. */
public final class Looper {
    public static Looper getMainLooper() {
        return null;
    }
}
