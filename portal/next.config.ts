import type { NextConfig } from "next";

const config: NextConfig = {
  poweredByHeader: false,
  // `tsc -b` at the root checks the types, by the rules of the whole project.
  typescript: { ignoreBuildErrors: true, tsconfigPath: "tsconfig.next.json" },
};

export default config;
