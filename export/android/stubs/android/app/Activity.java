package android.app;

import android.content.Context;
import android.os.Bundle;
import android.view.View;

/** See stubs/README.md. */
public class Activity extends Context {
    protected void onCreate(Bundle state) {}

    protected void onStart() {}

    protected void onStop() {}

    public void setContentView(View view) {}

    public final void requestPermissions(String[] permissions, int request) {}

    public void onRequestPermissionsResult(int request, String[] permissions, int[] results) {}
}
