package android.app;

/** See stubs/README.md. */
public final class NotificationChannel {
    public NotificationChannel(String id, CharSequence name, int importance) {}
}
