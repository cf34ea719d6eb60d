package android.content;

import android.Stub;
import android.content.res.AssetManager;

/** See stubs/README.md. */
public abstract class Context {
    public static final String NOTIFICATION_SERVICE = Stub.text();

    public AssetManager getAssets() {
        return null;
    }

    public final String getString(int id) {
        return null;
    }

    public Object getSystemService(String name) {
        return null;
    }

    public int checkSelfPermission(String permission) {
        return 0;
    }

    public ComponentName startService(Intent service) {
        return null;
    }

    public ComponentName startForegroundService(Intent service) {
        return null;
    }

    public boolean stopService(Intent service) {
        return false;
    }
}
