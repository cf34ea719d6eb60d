package android.os;

/** See stubs/README.md. */
public final class SystemClock {
    public static long elapsedRealtimeNanos() {
        return 0;
    }
}
