package android.app;

import android.Stub;
import android.content.Context;
import android.content.Intent;
import android.os.IBinder;

/** See stubs/README.md. */
public abstract class Service extends Context {
    public static final int START_NOT_STICKY = Stub.number();

    public int onStartCommand(Intent intent, int flags, int startId) {
        return 0;
    }

    public void onDestroy() {}

    public abstract IBinder onBind(Intent intent);

    public final void startForeground(int id, Notification notification) {}

    public final void startForeground(int id, Notification notification, int type) {}

    public final void stopSelf() {}
}
