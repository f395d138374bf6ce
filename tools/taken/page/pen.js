// White paper to draw on, with a round pen of the ink and width that two fields tell; gives what wipes it, and what shows a
// picture on it. A plain script, because the studio has it, too, where modules can't be loaded.
function drawable(canvas, ink, width) {
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const clear = () => Object.assign(pen, { fillStyle: "white" }).fillRect(0, 0, canvas.width, canvas.height);

  const show = async (picture) => {
    const shown = await createImageBitmap(picture);
    const scale = canvas.width / Math.max(shown.width, shown.height);
    clear();
    pen.drawImage(shown, 0, 0, shown.width * scale, shown.height * scale);
  };

  const line = ({ buttons, offsetX, offsetY }) => {
    if (!buttons) return;
    Object.assign(pen, { strokeStyle: ink.value, lineWidth: width.value, lineCap: "round", lineJoin: "round" });
    const scale = canvas.width / canvas.clientWidth;
    pen.lineTo(offsetX * scale, offsetY * scale);
    pen.stroke();
  };

  canvas.addEventListener("pointerdown", (event) => (canvas.setPointerCapture(event.pointerId), pen.beginPath(), line(event)));
  canvas.addEventListener("pointermove", line);
  clear();
  return { clear, show };
}
