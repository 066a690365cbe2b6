// What makes the pages better where JavaScript runs; everything works without it.
const body = document.body;
body.classList.add("js-enabled", "govuk-frontend-supported");
const { initAll } = await import(body.dataset.govukScript);
initAll();

// The search and ask page: fields that say nothing stay out of the address; citations can be copied at once.
document.getElementById("find")?.addEventListener("formdata", ({ formData }) => {
  for (const name of ["from", "to", "as_of", "body"]) {
    const given = formData.getAll(name).filter((value) => value.trim());
    formData.delete(name);
    given.forEach((value) => formData.append(name, value));
  }
});

for (const text of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  const said = document.createElement("span");
  button.type = "button";
  button.className = "copy";
  button.textContent = `Copy ${text.dataset.copy}`;
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    said.textContent = "";
    try {
      await navigator.clipboard.writeText(text.textContent);
      said.textContent = "Copied";
    } catch {
      // Only pages of this machine, or over HTTPS, may write to the clipboard.
      getSelection().selectAllChildren(text);
      said.textContent = "Selected; copy it with the keyboard";
    }
  });
  text.after(button, said);
}

// Adding documents: how far the upload is, and how far the job is. Pages that come instead are put in place.
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

function showInstead(html) {
  const made = new DOMParser().parseFromString(html, "text/html");
  document.title = made.title;
  document.querySelector("main").replaceWith(made.querySelector("main"));
  initAll({ scope: document.querySelector("main") });
  (document.querySelector(".govuk-error-summary") ?? document.querySelector("h1[tabindex]"))?.focus();
  addDocuments();
}

function addDocuments() {
  const form = document.querySelector("[data-upload]");
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    const shown = form.querySelector("[data-upload-progress]");
    const status = form.querySelector("[data-upload-status]");
    const button = form.querySelector("button.govuk-button:not([type])");
    const sending = new XMLHttpRequest(); // as fetch does not tell how much is sent
    shown.hidden = false;
    button.disabled = true;
    let told = 0;
    sending.upload.addEventListener("progress", ({ loaded, total }) => {
      shown.firstElementChild.value = loaded / total;
      if (Date.now() - told < 2000 && loaded < total) return; // a screen reader reads each of these
      told = Date.now();
      status.textContent = loaded < total ? filled(status.dataset.sending, { percent: Math.round((100 * loaded) / total) }) : status.dataset.sent;
    });
    sending.addEventListener("load", () => {
      if (new URL(sending.responseURL).pathname.startsWith("/jobs/")) location.assign(sending.responseURL);
      else showInstead(sending.responseText);
    });
    sending.addEventListener("error", () => {
      status.textContent = status.dataset.failed;
      shown.hidden = true;
      button.disabled = false;
    });
    sending.open("POST", form.action);
    sending.send(new FormData(form));
  });

  const job = document.querySelector("[data-job][data-open]");
  if (job) followJob(job, document.querySelector("[data-job-status]"));
}

function followJob(job, status) {
  const events = new EventSource(`/v1/jobs/${job.dataset.job}/events`);
  const bar = job.querySelector("progress");
  const line = job.querySelector("[data-job-said]");
  let told = 0;
  const look = async () => {
    const answer = await fetch(location.href).catch(() => null);
    if (answer?.ok) showInstead(await answer.text());
    else setTimeout(look, 3000);
  };
  events.addEventListener("progress", ({ data }) => {
    const { progress } = JSON.parse(data);
    if (!progress) return;
    bar.max = progress.files_total || 1;
    bar.value = progress.files;
    line.textContent = filled(job.dataset.said, progress);
    if (Date.now() - told < 5000) return; // a screen reader reads each of these
    told = Date.now();
    status.textContent = line.textContent;
  });
  events.addEventListener("done", () => {
    events.close();
    look();
  });
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) setTimeout(look, 3000);
  });
}

addDocuments();
