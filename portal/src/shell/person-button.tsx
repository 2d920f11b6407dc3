"use client";

import { Button, type ButtonProps } from "@fluentui/react-components";
import { PersonRegular } from "@fluentui/react-icons";
import { useSession } from "../session/session.tsx";

/** Who is signed in, as what opens the person's menu. */
export function PersonButton(properties: ButtonProps) {
  const { person } = useSession();
  return (
    <Button {...properties} appearance="subtle" icon={<PersonRegular />}>
      {person.name}
    </Button>
  );
}
