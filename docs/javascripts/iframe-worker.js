// Search on a page that was opened from the disk: browsers allow no worker there, so its script runs in a hidden frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.srcdoc = "<!doctype html>";
      this.inner = new Promise((resolve, reject) => {
        frame.onload = () => {
          const inner = frame.contentWindow;
          const script = inner.document.createElement("script");
          // What the script sends by its own postMessage are the worker's messages.
          inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
          script.onload = () => resolve(inner);
          script.onerror = () => reject(new Error(`${url} cannot be loaded`));
          script.src = url;
          inner.document.body.append(script);
        };
      });
      document.body.append(frame);
    }

    async postMessage(data) {
      const inner = await this.inner;
      inner.dispatchEvent(new MessageEvent("message", { data }));
    }
  };
}
