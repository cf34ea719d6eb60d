package org.kws.sample;

import android.app.Notification;
import android.app.NotificationChannel;
import android.app.NotificationManager;
import android.app.PendingIntent;
import android.content.Context;
import android.content.Intent;
import android.os.Build;
import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import org.kws.LiveEvent;
import org.kws.android.KeywordService;

/** Listens for the keywords of the model in the assets, also with the screen off. */
public final class ListenService extends KeywordService {
    /** The model's file in src/main/assets. */
    static final String MODEL = "computer.kws";

    private static final String CHANNEL = "listening";
    private static final int API_WITH_CHANNELS = 26;
    private static final int API_WITH_IMMUTABLE = 23;

    /** Where the activity shows what is heard; null while it is not there. Main thread only. */
    static Log log;

    /** Takes lines to show. */
    interface Log {
        void add(String line);
    }

    @Override
    protected InputStream openModel() throws IOException {
        return getAssets().open(MODEL);
    }

    @Override
    @SuppressWarnings("deprecation")
    protected Notification makeNotification() {
        Notification.Builder builder;
        if (Build.VERSION.SDK_INT >= API_WITH_CHANNELS) {
            NotificationManager manager = (NotificationManager) getSystemService(Context.NOTIFICATION_SERVICE);
            manager.createNotificationChannel(
                    new NotificationChannel(CHANNEL, getString(R.string.listening), NotificationManager.IMPORTANCE_LOW));
            builder = new Notification.Builder(this, CHANNEL);
        } else {
            builder = new Notification.Builder(this);
        }
        int flags = Build.VERSION.SDK_INT >= API_WITH_IMMUTABLE ? PendingIntent.FLAG_IMMUTABLE : 0;
        Intent show = new Intent(this, MainActivity.class);
        return builder.setSmallIcon(android.R.drawable.ic_btn_speak_now)
                .setContentTitle(getString(R.string.listening))
                .setContentIntent(PendingIntent.getActivity(this, 0, show, flags))
                .setOngoing(true)
                .build();
    }

    @Override
    public void onKeyword(LiveEvent event) {
        show(String.format(Locale.ROOT, "%8.2f s  %s  %.2f  (%.2f s ago)", event.timeSeconds(), event.keyword(),
                event.score(), event.ageSeconds()));
    }

    @Override
    public void onNotice(String text) {
        show(text);
    }

    private static void show(String line) {
        if (log != null) {
            log.add(line);
        }
    }
}
