import { readFileSync } from "node:fs";
import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import type { SettingValues } from "./setting.ts";

const TRIES = 5;
const DEADLINE_MS = 3000;

/**
 * Says goodbye to the feed: this incarnation admits nobody any more (feed rule 22). It is final, so it may be sent only when
 * every process of that NGINX has ended. Tried a few times; without it the registry waits out the incarnation's age limit.
 * @returns true if the feed has taken it
 */
export async function sayGoodbye(settings: SettingValues, incarnation: string): Promise<boolean> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    try {
      const status = await sendGoodbye(settings, incarnation);
      // 410: the registry has already ended this incarnation.
      if (status === 204 || status === 410) return true;
    } catch {
      // The feed can't be reached: tried again below.
    }
    if (attempt < TRIES) await delay(200 * 2 ** attempt);
  }
  return false;
}

function sendGoodbye(settings: SettingValues, incarnation: string): Promise<number> {
  const url = new URL(`${settings.LINKGATE_FEED_URL?.replace(/\/+$/, "")}/gate/v1/changes`);
  url.search = new URLSearchParams({
    gate: settings.LINKGATE_GATE_NAME ?? "",
    incarnation,
    cursor: "",
    maxAge: settings.LINKGATE_MAX_TABLE_AGE ?? "",
    bye: "1",
  }).toString();
  const token = readFileSync(settings.LINKGATE_FEED_TOKEN_FILE ?? "", "utf8").trim();
  const caFile = settings.LINKGATE_FEED_CA_FILE ?? "";
  const options = {
    headers: { authorization: `Bearer ${token}` },
    agent: false as const,
    signal: AbortSignal.timeout(DEADLINE_MS),
    ...(caFile === "" ? {} : { ca: readFileSync(caFile) }),
  };
  return new Promise((resolve, reject) => {
    const get = url.protocol === "https:" ? getHttps : getHttp;
    const request = get(url, options, response => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.once("error", reject);
  });
}
