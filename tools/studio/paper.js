// A field to draw in, after pen.js. Its value is a picture as a data URL: what was drawn, or the file that was loaded, as it
// is; "" is empty.
const MOST = 16 * 2 ** 20; // bytes of a file
const canvas = element.querySelector("canvas"), said = element.querySelector("[role=status]");
const [ink, width, file] = element.querySelectorAll("input");
const { clear, show } = drawable(canvas, ink, width);

async function shown(url) {
  said.textContent = "";
  clear();
  if (!url) return;
  await show(await (await fetch(url)).blob()).catch(() => (said.textContent = "This file can't be shown here; it is given as it is."));
}

canvas.onpointerup = () => (props.value = canvas.toDataURL());
element.querySelector("button").onclick = () => ((file.value = ""), (props.value = ""), clear());
file.onchange = () => {
  const [chosen] = file.files, reader = new FileReader();
  said.textContent = chosen?.size > MOST ? `expected a file of at most ${MOST / 2 ** 20} MiB, got a larger one; choose another` : "";
  reader.onload = () => shown((props.value = reader.result));
  if (chosen && !said.textContent) reader.readAsDataURL(chosen);
};
watch("value", () => shown(props.value)); // of an example
canvas.dataset.ready = ""; // before, nobody hears the pen
