// Listens to TensorBoard, the host page: reloads of the data, and the dark theme.

const DARK = "dark-mode"; // the class of TensorBoard's body

export function onReload(action) {
  if (parent === window) return;
  const channel = new MessageChannel();
  channel.port1.addEventListener("message", (event) => {
    const message = JSON.parse(event.data);
    if (message.isReply) return;
    if (message.type === "experimental.DataReloaded") action();
    channel.port1.postMessage(JSON.stringify({ ...message, payload: null, error: null, isReply: true }));
  });
  channel.port1.start();
  parent.postMessage("experimental.bootstrap", "*", [channel.port2]);
}

export function followTheme(action) {
  const body = hostBody();
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const isDark = body ? body.classList.contains(DARK) : system.matches;
    const theme = isDark ? "dark" : "light";
    if (document.documentElement.dataset.theme === theme) return;
    document.documentElement.dataset.theme = theme;
    action();
  };
  if (body) new MutationObserver(apply).observe(body, { attributeFilter: ["class"] });
  system.addEventListener("change", apply);
  apply();
}

function hostBody() {
  try {
    return parent === window ? null : parent.document.body;
  } catch {
    return null; // a frame of another origin
  }
}
