package org.kws.sample;

import android.Manifest;
import android.app.Activity;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.os.Build;
import android.os.Bundle;
import android.view.View;
import android.widget.Button;
import android.widget.LinearLayout;
import android.widget.ScrollView;
import android.widget.TextView;

/** Two buttons and a list of what was heard. */
public final class MainActivity extends Activity implements ListenService.Log {
    private static final int REQUEST = 1;
    private static final int API_WITH_REQUESTS = 23;
    private static final int API_WITH_SERVICES_IN_FOREGROUND = 26;
    private static final int API_WITH_NOTIFICATION_PERMISSION = 33;

    private TextView heard;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        heard = new TextView(this);
        ScrollView scroll = new ScrollView(this);
        scroll.addView(heard);
        LinearLayout page = new LinearLayout(this);
        page.setOrientation(LinearLayout.VERTICAL);
        // Below the bars of the system, which lie over the window from Android 15 on.
        page.setFitsSystemWindows(true);
        page.addView(button(R.string.start, new View.OnClickListener() {
            @Override
            public void onClick(View view) {
                askThenListen();
            }
        }));
        page.addView(button(R.string.stop, new View.OnClickListener() {
            @Override
            public void onClick(View view) {
                stopService(new Intent(MainActivity.this, ListenService.class));
            }
        }));
        page.addView(scroll);
        setContentView(page);
    }

    private Button button(int text, View.OnClickListener listener) {
        Button button = new Button(this);
        button.setText(text);
        button.setOnClickListener(listener);
        return button;
    }

    @Override
    protected void onStart() {
        super.onStart();
        ListenService.log = this;
    }

    @Override
    protected void onStop() {
        ListenService.log = null;
        super.onStop();
    }

    @Override
    public void add(String line) {
        heard.append(line + "\n");
    }

    private void askThenListen() {
        if (Build.VERSION.SDK_INT < API_WITH_REQUESTS || mayRecord()) {
            listen();
        } else if (Build.VERSION.SDK_INT >= API_WITH_NOTIFICATION_PERMISSION) {
            // Without the second one the service runs all the same, but its notification is not seen.
            requestPermissions(
                    new String[] {Manifest.permission.RECORD_AUDIO, Manifest.permission.POST_NOTIFICATIONS}, REQUEST);
        } else {
            requestPermissions(new String[] {Manifest.permission.RECORD_AUDIO}, REQUEST);
        }
    }

    private boolean mayRecord() {
        return checkSelfPermission(Manifest.permission.RECORD_AUDIO) == PackageManager.PERMISSION_GRANTED;
    }

    @Override
    public void onRequestPermissionsResult(int request, String[] permissions, int[] results) {
        if (mayRecord()) {
            listen();
        } else {
            add(getString(R.string.needs_microphone));
        }
    }

    private void listen() {
        Intent service = new Intent(this, ListenService.class);
        if (Build.VERSION.SDK_INT >= API_WITH_SERVICES_IN_FOREGROUND) {
            startForegroundService(service);
        } else {
            startService(service);
        }
    }
}
