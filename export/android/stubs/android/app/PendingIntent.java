package android.app;

import android.Stub;
import android.content.Context;
import android.content.Intent;

/** See stubs/README.md. */
public final class PendingIntent {
    public static final int FLAG_IMMUTABLE = Stub.number();

    public static PendingIntent getActivity(Context context, int request, Intent intent, int flags) {
        return null;
    }
}
