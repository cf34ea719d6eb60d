package android.widget;

import android.content.Context;
import android.view.View;

/** See stubs/README.md. */
public class TextView extends View {
    public TextView(Context context) {}

    public final void setText(int id) {}

    public final void append(CharSequence text) {}
}
