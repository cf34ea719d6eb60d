package android.app;

import android.Stub;

/** See stubs/README.md. */
public class NotificationManager {
    public static final int IMPORTANCE_LOW = Stub.number();

    public void createNotificationChannel(NotificationChannel channel) {}
}
