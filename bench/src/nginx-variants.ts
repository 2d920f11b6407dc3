/** A way to run the gate's own configuration, so that nothing but the check differs. */
export interface Variant {
  name: string;
  /** Makes this variant's template from the gate's. Throws if the gate's has lost what it replaces. */
  change(template: string): string;
}

const CHECK = /^ *js_access gate\.check(Direct|Proxy|Public);$/gm;

/** The gate, and what people would use instead; the first is what the others are compared with. */
export function listVariants(noopScript: string, authorizer: string): Variant[] {
  return [
    { name: "no check", change: template => replaceChecks(template, "") },
    {
      name: "js_access that returns at once",
      change: template =>
        replaceChecks(template, "js_access noop.check;").replace(
          "  js_import gate ",
          `  js_import noop from ${noopScript};\n  js_import gate `,
        ),
    },
    { name: "the gate, 100,000 accounts", change: template => template },
    {
      name: "auth_request to a local NGINX",
      change: template =>
        replaceChecks(
          template,
          `auth_request /authorize;\n      location = /authorize { internal; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass ${authorizer}; }`,
        ),
    },
  ];
}

function replaceChecks(template: string, by: string): string {
  if ((template.match(CHECK) ?? []).length !== 3)
    throw new Error("the template no longer has one js_access a listener");
  return template.replace(CHECK, `      ${by}`);
}
