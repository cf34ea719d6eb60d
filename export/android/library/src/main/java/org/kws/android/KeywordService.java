package org.kws.android;

import android.app.Notification;
import android.app.Service;
import android.content.Intent;
import android.content.pm.ServiceInfo;
import android.os.Build;
import android.os.IBinder;
import java.io.IOException;
import java.io.InputStream;
import org.kws.KeywordDetector;
import org.kws.LiveEvent;

/**
 * A foreground service that listens; extend it, and name it in the manifest with {@code
 * android:foregroundServiceType="microphone"}.
 *
 * <p>From Android 11 on it may be started only while the app is visible and holds {@code RECORD_AUDIO}; it then goes on
 * with the screen off. It is not started again by the system, which could not give it the microphone.
 */
public abstract class KeywordService extends Service implements MicrophoneDetector.Listener {
    private static final int NOTIFICATION_ID = 0x6b7773;
    private static final int API_WITH_MICROPHONE_TYPE = 30;

    private MicrophoneDetector microphone;

    /** Opens the model, such as {@code getAssets().open("computer.kws")}. */
    protected abstract InputStream openModel() throws IOException;

    /** Makes the notification that stands while it listens; from Android 8 on it needs a channel. */
    protected abstract Notification makeNotification();

    /** A keyword was heard; on the main thread. */
    @Override
    public abstract void onKeyword(LiveEvent event);

    /** What a person should know; on the main thread. */
    @Override
    public void onNotice(String text) {}

    /** The microphone; null before the service was started. */
    protected final MicrophoneDetector microphone() {
        return microphone;
    }

    @Override
    public int onStartCommand(Intent intent, int flags, int startId) {
        if (Build.VERSION.SDK_INT >= API_WITH_MICROPHONE_TYPE) {
            startForeground(NOTIFICATION_ID, makeNotification(), ServiceInfo.FOREGROUND_SERVICE_TYPE_MICROPHONE);
        } else {
            startForeground(NOTIFICATION_ID, makeNotification());
        }
        if (microphone == null) {
            try (InputStream file = openModel()) {
                microphone = new MicrophoneDetector(KeywordDetector.open(file), this);
                microphone.start();
            } catch (IOException problem) {
                onNotice("no model: " + problem.getMessage());
                stopSelf();
            }
        }
        return START_NOT_STICKY;
    }

    @Override
    public void onDestroy() {
        if (microphone != null) {
            microphone.stop();
        }
        super.onDestroy();
    }

    @Override
    public IBinder onBind(Intent intent) {
        return null;
    }
}
