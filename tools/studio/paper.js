// A field to draw in. Its value is a picture as a data URL: what was drawn, or the file that was loaded, as it is; "" is empty.
const canvas = element.querySelector("canvas"), pen = canvas.getContext("2d", { willReadFrequently: true });
const [ink, width, file] = element.querySelectorAll("input");

const MOST = 16 * 2 ** 20; // bytes of a file
const said = element.querySelector("[role=status]");

const unseen = () => (clear(), (said.textContent = "This file can't be shown here; it is given as it is."));
const clear = () => Object.assign(pen, { fillStyle: "white" }).fillRect(0, 0, canvas.width, canvas.height);

async function show(url) {
  clear();
  said.textContent = "";
  if (!url) return;
  const picture = await createImageBitmap(await (await fetch(url)).blob());
  const scale = canvas.width / Math.max(picture.width, picture.height);
  pen.drawImage(picture, 0, 0, picture.width * scale, picture.height * scale);
}

function line(event) {
  if (!event.buttons) return;
  const scale = canvas.width / canvas.clientWidth;
  Object.assign(pen, { strokeStyle: ink.value, lineWidth: width.value, lineCap: "round", lineJoin: "round" });
  pen.lineTo(event.offsetX * scale, event.offsetY * scale);
  pen.stroke();
}

canvas.onpointerdown = (event) => (canvas.setPointerCapture(event.pointerId), pen.beginPath(), line(event));
canvas.onpointermove = line;
canvas.onpointerup = () => (props.value = canvas.toDataURL());
element.querySelector("button").onclick = () => ((file.value = ""), (props.value = ""), clear());
file.onchange = () => {
  const [chosen] = file.files, reader = new FileReader();
  said.textContent = chosen?.size > MOST ? `expected a file of at most ${MOST / 2 ** 20} MiB, got a larger one; choose another` : "";
  reader.onload = () => show((props.value = reader.result)).catch(unseen);
  if (chosen && !said.textContent) reader.readAsDataURL(chosen);
};
watch("value", () => show(props.value).catch(unseen)); // of an example
clear();
canvas.dataset.ready = ""; // before, nobody hears the pen
