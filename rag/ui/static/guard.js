/* A session that ended in an open page leads to the login page; a refusal for being too many or too late is told in our words. */
(() => {
  "use strict";
  const ask = window.fetch.bind(window);
  window.youjuRefusal = { status: 0, at: 0 };
  window.fetch = async (...request) => {
    const reply = await ask(...request);
    const ours = new URL(reply.url || location.href).origin === location.origin;
    if (ours && reply.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
    if (ours && [429, 503].includes(reply.status)) window.youjuRefusal = { status: reply.status, at: Date.now() };
    return reply;
  };
})();
