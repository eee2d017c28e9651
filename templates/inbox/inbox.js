// Shows new messages by themselves. Without JavaScript, reload the page.
const list = document.getElementById("list");

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { cache: "no-store" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("list");
  if (!fresh || fresh.dataset.newest === list.dataset.newest) return;
  list.replaceChildren(...fresh.childNodes);
  list.dataset.newest = fresh.dataset.newest;
  document.getElementById("count").textContent = page.getElementById("count").textContent;
}

setInterval(() => refresh().catch(() => {}), 2000);
