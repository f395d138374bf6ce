// The page: a field a modality, what is made below.
import { Items } from "./items.js";
import { Model } from "./model.js";

const PAPER = 280; // pixels
const CALLED = { image: "picture", audio: "sound", text: "caption", label: "label", number: "number" };
const [form, given, status, made] = ["form", "given", "status", "made"].map((id) => document.getElementById(id));

function element(tag, about, ...children) {
  const found = Object.assign(document.createElement(tag), about);
  found.append(...children);
  return found;
}

// Each kind of field gives the element to fill in, and a promise of what was told.
const FIELDS = {
  image(about, tick) {
    const paper = element("canvas", { width: PAPER, height: PAPER, className: "paper", tabIndex: 0 });
    paper.setAttribute("aria-label", `${about.name}: draw here`);
    const ink = element("input", { type: "color", value: "#c02020", title: "ink" });
    const width = element("input", { type: "range", min: 6, max: 40, value: 20, title: "width of the pen" });
    const { clear, show } = drawable(paper, ink, width);
    paper.addEventListener("pointerdown", tick);
    const file = element("input", { type: "file", accept: "image/*", title: "or a file" });
    file.onchange = () => show(file.files[0]).then(tick);
    const wipe = element("button", { type: "button", textContent: "Clear", onclick: clear });
    return [element("div", {}, paper, element("div", {}, ink, width, wipe), file), async () => paper];
  },
  audio(about, tick) {
    const file = element("input", { type: "file", accept: "audio/*", onchange: tick });
    const heard = async () => {
      if (!file.files.length) throw new Error(`${about.name}: expected a file, got none; choose one`);
      return new OfflineAudioContext(1, 1, about.rate_hz).decodeAudioData(await file.files[0].arrayBuffer());
    };
    return [file, heard];
  },
  text(about, tick) {
    const field = element("input", { type: "text", size: 30, oninput: tick });
    return [field, async () => field.value];
  },
  label(about, tick) {
    const field = element("select", { onchange: tick }, ...about.words.map((word) => element("option", { textContent: word })));
    return [field, async () => field.value];
  },
  number(about, tick) {
    const field = element("input", { type: "number", step: "any", value: 0, oninput: tick });
    return [field, async () => field.value];
  },
};

// The field of a modality, and what is told of it: nothing where it is not ticked.
function field(about) {
  const tick = element("input", { type: "checkbox", name: about.name });
  const [input, told] = FIELDS[about.kind](about, () => (tick.checked = true));
  input.setAttribute("aria-label", about.name);
  const title = element("legend", {}, element("label", {}, tick, ` ${about.name}`));
  title.title = CALLED[about.kind];
  given.append(element("fieldset", {}, title, input));
  return { name: about.name, ticked: () => tick.checked, told };
}

async function make(model, items, fields) {
  const told = {};
  for (const { name, ticked, told: tell } of fields) if (ticked()) told[name] = items.read(name, await tell());
  if (Object.keys(told).length === fields.length) throw new Error("expected something left to make, got all; tick fewer");
  const [count, seed, begin] = [Number(form.count.value), Number(form.seed.value), performance.now()];
  const found = await model.sample(told, count, seed);
  const samples = Array.from({ length: count }, (_, one) =>
    element("li", {}, ...Object.keys(found).map((name) => items.shown(name, found[name], one))),
  );
  made.replaceChildren(...samples);
  status.textContent = `${count} samples in ${((performance.now() - begin) / 1000).toFixed(1)} s`;
}

try {
  const card = await (await fetch("card.json")).json();
  const fields = card.modalities.map(field);
  const [items, model] = [await Items.load(card), await Model.load(card)];
  form.onsubmit = async (event) => {
    event.preventDefault();
    const button = form.querySelector("button:not([type])");
    [button.disabled, status.textContent] = [true, "..."];
    await make(model, items, fields).catch((error) => (status.textContent = error.message));
    button.disabled = false;
  };
  form.querySelector("button:not([type])").disabled = false;
  status.textContent = "Ready.";
} catch (error) {
  status.textContent = `The models can't be loaded: ${error.message}. Open this page from a file server.`;
}
