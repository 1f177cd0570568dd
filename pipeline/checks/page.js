(function () {
  "use strict";
  var stage = document.getElementById("stage");
  var copy = document.getElementById("copy");
  if (copy) copy.addEventListener("click", function () {
    var code = document.getElementById("type");
    function done() { copy.textContent = "Copied"; setTimeout(function () { copy.textContent = "Copy"; }, 1600); }
    function pick() { var range = document.createRange(); range.selectNodeContents(code); var s = getSelection(); s.removeAllRanges(); s.addRange(range); }
    if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(done, pick); else pick();
  });
  if (!stage) return;

  var frames = [].slice.call(stage.querySelectorAll(".frame"));
  var around = Number(stage.dataset.turn), turn = document.getElementById("turn"), play = document.getElementById("play");
  var said = document.getElementById("said"), tabs = [].slice.call(document.querySelectorAll(".tab"));
  var boxes = [].slice.call(document.querySelectorAll(".which")), shows = [].slice.call(document.querySelectorAll(".show"));
  var still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  var at = Math.max(0, frames.findIndex(function (f) { return f.classList.contains("on"); })), timer = 0;

  function go(number) {
    at = number;
    frames.forEach(function (f, i) { f.classList.toggle("on", i === at); });
    if (turn && at < around) { turn.value = at; turn.setAttribute("aria-valuetext", frames[at].dataset.name); }
    tabs.forEach(function (t) {
      var mine = Number(t.dataset.frame);
      t.setAttribute("aria-pressed", String(at < around ? mine < around : mine === at));
    });
  }
  function step(by) { go(((at < around ? at : 0) + by % around + around) % around); }
  function stop() { clearInterval(timer); timer = 0; if (play) { play.setAttribute("aria-pressed", "false"); play.textContent = "Turn"; } }
  function start() {
    if (!around) return;
    stop();
    play.setAttribute("aria-pressed", "true"); play.textContent = "Stop";
    timer = setInterval(function () { step(1); }, 3600 / around);
  }
  function layers() {
    boxes.forEach(function (b) { stage.classList.toggle("off" + b.dataset.group, !b.checked); });
  }
  function only(group) { boxes.forEach(function (b) { b.checked = group === null || b.dataset.group === group; }); layers(); }
  function current(article) {
    document.querySelectorAll("article.current").forEach(function (a) { a.classList.remove("current"); });
    if (article) article.classList.add("current");
  }

  if (turn) turn.addEventListener("input", function () { stop(); go(Number(turn.value)); });
  if (play) play.addEventListener("click", function () { if (timer) stop(); else start(); });
  tabs.forEach(function (t) { t.addEventListener("click", function () { stop(); go(Number(t.dataset.frame)); }); });
  boxes.forEach(function (b) { b.addEventListener("change", function () { layers(); current(null); }); });
  var all = document.getElementById("all");
  if (all) all.addEventListener("click", function () { only(null); current(null); said.textContent = "All findings are painted."; });
  stage.addEventListener("keydown", function (e) {
    var by = { ArrowLeft: 1, ArrowRight: -1 }[e.key];
    if (!by || !around) return;
    e.preventDefault(); stop(); step(by);
  });
  var from = null;
  stage.addEventListener("pointerdown", function (e) {
    if (!around || at >= around || e.button) return;
    stop(); from = { x: e.clientX, at: at }; stage.setPointerCapture(e.pointerId);
  });
  stage.addEventListener("pointermove", function (e) {
    if (!from) return;
    var by = Math.round((from.x - e.clientX) / stage.clientWidth * around);
    go(((from.at + by) % around + around) % around);
  });
  ["pointerup", "pointercancel"].forEach(function (kind) { stage.addEventListener(kind, function () { from = null; }); });
  stage.addEventListener("dragstart", function (e) { e.preventDefault(); });

  shows.forEach(function (b) {
    var frame = frames[Number(b.dataset.frame)], thumb = b.querySelector(".thumb"), title = b.getAttribute("aria-label").replace("Show where: ", "");
    if (frame) frame.querySelectorAll(".base, .g" + b.dataset.group).forEach(function (image) {
      var small = image.cloneNode(); small.className = ""; small.alt = ""; thumb.appendChild(small);
    });
    b.addEventListener("click", function () {
      stop(); only(b.dataset.group); go(Number(b.dataset.frame)); current(b.closest("article"));
      said.textContent = title + ": " + frames[at].dataset.name + ".";
      var box = stage.getBoundingClientRect();
      if (box.top < 0 || box.bottom > innerHeight) stage.scrollIntoView({ block: "center", behavior: still ? "auto" : "smooth" });
    });
  });

  layers(); go(at);
  if (!still && around) { // one turn to say that it turns, then it rests where it began
    var left = around;
    timer = setInterval(function () { step(1); if (--left <= 0) stop(); }, 2400 / around);
    play.setAttribute("aria-pressed", "true"); play.textContent = "Stop";
  }
})();
