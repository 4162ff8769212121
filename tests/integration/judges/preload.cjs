// Node.js 18, which Debian 12 has, keeps this behind a flag; emulate needs it.
globalThis.crypto ??= require("crypto").webcrypto;

// emulate listens on every interface and has no option for it: whatever is loaded after this listens on this machine alone.
const net = require("net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (first, ...rest) {
  if (typeof first !== "number") return listen.call(this, { ...first, host: "127.0.0.1" }, ...rest);
  return listen.call(this, first, "127.0.0.1", ...rest.filter((argument) => typeof argument === "function"));
};
