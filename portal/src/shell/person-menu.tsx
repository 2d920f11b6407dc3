"use client";

import {
  Button,
  Menu,
  MenuDivider,
  MenuGroup,
  MenuGroupHeader,
  MenuItem,
  MenuItemRadio,
  MenuList,
  MenuPopover,
  MenuTrigger,
} from "@fluentui/react-components";
import { PersonRegular } from "@fluentui/react-icons";
import { FormattedMessage } from "react-intl";
import { useSession } from "../session/session.tsx";
import { type ThemeChoice, useTheme } from "./theme.tsx";

const CHOICES: readonly ThemeChoice[] = ["system", "light", "dark"];

/** Who is signed in, the theme, and the way out. */
export function PersonMenu() {
  const { person, signOut } = useSession();
  const { choice, choose } = useTheme();
  return (
    <Menu
      checkedValues={{ theme: [choice] }}
      onCheckedValueChange={(_, { checkedItems }) => choose(checkedItems[0] as ThemeChoice)}
    >
      <MenuTrigger disableButtonEnhancement>
        <Button appearance="subtle" icon={<PersonRegular />}>
          {person.name}
        </Button>
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          <MenuGroup>
            <MenuGroupHeader>
              <FormattedMessage id="shell.theme" />
            </MenuGroupHeader>
            {CHOICES.map(each => (
              <MenuItemRadio key={each} name="theme" value={each}>
                <FormattedMessage id={`shell.theme.${each}`} />
              </MenuItemRadio>
            ))}
          </MenuGroup>
          <MenuDivider />
          <MenuItem onClick={() => void signOut()}>
            <FormattedMessage id="session.signOut" />
          </MenuItem>
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}
