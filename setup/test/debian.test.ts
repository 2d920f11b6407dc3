import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseDeb822Sources, parseOneLineSources, readDebianArchives } from "../debian.mjs";
import { makeFolder } from "./support.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

describe("one-line sources", () => {
  const rows: { name: string; text: string; archives: ReturnType<typeof parseOneLineSources> }[] = [
    {
      name: "a plain line",
      text: "deb http://mirror.example/debian bookworm main",
      archives: [{ uri: "http://mirror.example/debian", keyring: null }],
    },
    {
      name: "options, several components, a comment at the end",
      text: `deb [arch=amd64 signed-by=${KEYRING}] https://mirror.example/debian/ trixie main contrib # ours`,
      archives: [{ uri: "https://mirror.example/debian/", keyring: KEYRING }],
    },
    {
      name: "several keyrings: the first",
      text: `deb [ signed-by=${KEYRING},/etc/other.gpg ] http://mirror.example/debian sid main`,
      archives: [{ uri: "http://mirror.example/debian", keyring: KEYRING }],
    },
    {
      name: "a fingerprint is no keyring",
      text: "deb [signed-by=0123456789ABCDEF0123456789ABCDEF01234567] http://mirror.example/debian sid main",
      archives: [{ uri: "http://mirror.example/debian", keyring: null }],
    },
    { name: "a comment", text: "# deb http://mirror.example/debian bookworm main", archives: [] },
    { name: "source packages", text: "deb-src http://mirror.example/debian bookworm main", archives: [] },
    { name: "a disc", text: "deb cdrom:[Debian 12]/ bookworm main", archives: [] },
    { name: "security", text: "deb http://mirror.example/debian-security bookworm-security main", archives: [] },
    { name: "old security", text: "deb http://mirror.example/debian-security buster/updates main", archives: [] },
    { name: "no main", text: "deb http://vendor.example/linux bookworm stable", archives: [] },
    { name: "a flat archive", text: "deb http://vendor.example/packages ./", archives: [] },
    { name: "nothing", text: "", archives: [] },
  ];
  it.each(rows)("$name", ({ text, archives }) => {
    expect(parseOneLineSources(text)).toEqual(archives);
  });
});

describe("deb822 sources", () => {
  const rows: { name: string; text: string; archives: ReturnType<typeof parseDeb822Sources> }[] = [
    {
      name: "as Debian's own image has it, with comments and a security stanza",
      text: `# written by an installer
Types: deb
# a comment between fields
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: ${KEYRING}

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: ${KEYRING}
`,
      archives: [{ uri: "http://mirror.example/debian", keyring: KEYRING }],
    },
    {
      name: "several URIs on continuation lines, fields in another case",
      text: "types: deb deb-src\nuris: mirror+file:/etc/apt/mirrors/debian.list\n http://second.example/debian\nsuites: trixie\ncomponents: main",
      archives: [
        { uri: "mirror+file:/etc/apt/mirrors/debian.list", keyring: null },
        { uri: "http://second.example/debian", keyring: null },
      ],
    },
    {
      name: "a whole key instead of a keyring",
      text: "Types: deb\nURIs: http://mirror.example/debian\nSuites: sid\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINB\n -----END PGP PUBLIC KEY BLOCK-----\n",
      archives: [{ uri: "http://mirror.example/debian", keyring: null }],
    },
    {
      name: "switched off",
      text: "Enabled: no\nTypes: deb\nURIs: http://mirror.example/debian\nSuites: sid\nComponents: main\n",
      archives: [],
    },
    {
      name: "source packages",
      text: "Types: deb-src\nURIs: http://mirror.example/debian\nSuites: sid\nComponents: main\n",
      archives: [],
    },
    { name: "nothing", text: "", archives: [] },
  ];
  it.each(rows)("$name", ({ text, archives }) => {
    expect(parseDeb822Sources(text)).toEqual(archives);
  });
});

describe("the machine's sources", () => {
  it("puts what Debian's keyring signs first, a vendor's archive last, and each once", () => {
    const apt = makeFolder();
    mkdirSync(join(apt, "sources.list.d"));
    writeFileSync(join(apt, "sources.list"), "deb http://unsigned.example/debian bookworm main\n");
    writeFileSync(
      join(apt, "sources.list.d/a-vendor.list"),
      "deb [signed-by=/usr/share/keyrings/vendor.gpg] http://vendor.example/prod bookworm main\n",
    );
    const stanza = `Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\nSigned-By: ${KEYRING}\n`;
    writeFileSync(join(apt, "sources.list.d/debian.sources"), `${stanza}\n${stanza}`);
    writeFileSync(join(apt, "sources.list.d/old.sources.disabled"), stanza.replace("mirror", "disabled"));
    expect(readDebianArchives(apt).map(archive => archive.uri)).toEqual([
      "http://mirror.example/debian",
      "http://unsigned.example/debian",
      "http://vendor.example/prod",
    ]);
  });

  it("finds none on a machine without any", () => {
    expect(readDebianArchives(makeFolder())).toEqual([]);
  });
});
