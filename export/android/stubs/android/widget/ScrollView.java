package android.widget;

import android.content.Context;
import android.view.ViewGroup;

/** See stubs/README.md. */
public class ScrollView extends ViewGroup {
    public ScrollView(Context context) {}
}
