package android.app;

import android.content.Context;

/** See stubs/README.md. */
public class Notification {
    public static class Builder {
        @Deprecated
        public Builder(Context context) {}

        public Builder(Context context, String channel) {}

        public Builder setSmallIcon(int icon) {
            return this;
        }

        public Builder setContentTitle(CharSequence title) {
            return this;
        }

        public Builder setContentIntent(PendingIntent intent) {
            return this;
        }

        public Builder setOngoing(boolean isOngoing) {
            return this;
        }

        public Notification build() {
            return null;
        }
    }
}
