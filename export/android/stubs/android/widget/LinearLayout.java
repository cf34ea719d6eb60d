package android.widget;

import android.Stub;
import android.content.Context;
import android.view.ViewGroup;

/** See stubs/README.md. */
public class LinearLayout extends ViewGroup {
    public static final int VERTICAL = Stub.number();

    public LinearLayout(Context context) {}

    public void setOrientation(int orientation) {}
}
