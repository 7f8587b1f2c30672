// As a page in a browser and as axios ask: a preflight, fetch, then Node's own client with axios's headers.
import http from "node:http";
import { text } from "node:stream/consumers";

const url = process.argv[2];
const calls = (await text(process.stdin)).split("\n");

async function fetched(call) {
  const origin = { Origin: "http://desa.example" };
  const asking = { ...origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type" };
  const allowed = await fetch(url, { method: "OPTIONS", headers: asking });
  if (!allowed.ok || allowed.headers.get("access-control-allow-origin") !== "*") throw new Error("no preflight");
  const answer = await fetch(url, { method: "POST", headers: { ...origin, "Content-Type": "application/json" }, body: call });
  return answer.text();
}

function axios(call) {
  const headers = {
    Accept: "application/json, text/plain, */*",
    "Content-Type": "application/json",
    "User-Agent": "axios/1.6.0",
    "Accept-Encoding": "gzip, compress, deflate, br",
    "Content-Length": Buffer.byteLength(call),
  };
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: "POST", headers }, (answer) => text(answer).then(resolve, reject));
    request.on("error", reject);
    request.end(call);
  });
}

for (const call of calls) {
  const answers = [await fetched(call), await axios(call)];
  if (answers[0] !== answers[1]) throw new Error("two answers");
  console.log(answers[0]);
}
