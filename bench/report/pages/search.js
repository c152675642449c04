// Pages that hold every word of the query, those with it in the title first; each with the words around the first hit.
const query = document.getElementById("query"), found = document.getElementById("found"), pages = document.getElementById("pages");

function hit(page, words) {
  const text = page.text.toLowerCase(), title = page.title.toLowerCase();
  if (!words.every(word => title.includes(word) || text.includes(word))) return null;
  const at = Math.max(0, text.indexOf(words[0]));
  const inTitle = words.filter(word => title.includes(word)).length;
  return { page, inTitle, around: page.text.slice(Math.max(0, at - 40), at + 80) };
}

query.addEventListener("input", () => {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  pages.hidden = words.length > 0;
  const hits = words.length ? PAGES.map(page => hit(page, words)).filter(Boolean) : [];
  hits.sort((a, b) => b.inTitle - a.inTitle);
  found.replaceChildren(...hits.map(({ page, around }) => {
    const link = document.createElement("a"), small = document.createElement("small");
    link.href = page.name + ".html";
    link.textContent = page.title.split(":")[0];
    small.textContent = "… " + around + " …";
    link.append(small);
    return link;
  }));
  if (words.length && !hits.length) found.textContent = "Nothing found.";
});

// A link into a folded table opens it.
function open() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target) { for (let e = target; e; e = e.parentElement) if (e.tagName === "DETAILS") e.open = true; target.scrollIntoView(); }
}
window.addEventListener("hashchange", open);
if (location.hash) open();
