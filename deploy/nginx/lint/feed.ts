import { own, type Rule } from "./rule.ts";
import { inForce, valueInForce } from "./scope.ts";

const FOLLOWER = /^[\w$]+\.follow$/;

/** The follower gives the token to whoever answers as the feed, and believes what they say: only a certificate tells who it is. */
export const unprovenFeed: Rule = (scope, { hasSecureFeed }) => {
  if (!hasSecureFeed || !own(scope, "js_periodic").some(({ args }) => FOLLOWER.test(args[0] ?? ""))) return [];
  const mistakes = [
    {
      name: "js_fetch_verify",
      isOne: valueInForce(scope, "js_fetch_verify", "on") !== "on",
      text: "nobody looks at the feed's certificate: whoever answers gets the token and says who is admitted",
    },
    {
      name: "js_fetch_keepalive",
      isOne: valueInForce(scope, "js_fetch_keepalive", "0") !== "0",
      text: "njs keeps a connection whose certificate it has refused, and asks on it the next time",
    },
  ];
  return mistakes
    .filter(({ isOne }) => isOne)
    .map(({ name, text }) => ({ rule: "unproven-feed", at: inForce(scope, name).at(-1) ?? scope.head, text }));
};
