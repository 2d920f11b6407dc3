"use client";

import {
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
import { FormattedMessage } from "react-intl";
import { useSession } from "../session/session.tsx";
import { PersonButton } from "./person-button.tsx";
import { type ThemeChoice, useTheme } from "./theme.tsx";

const CHOICES: readonly ThemeChoice[] = ["system", "light", "dark"];

/** The theme, and the way out; open when it is first shown. */
export function PersonMenu() {
  const { signOut } = useSession();
  const { choice, choose } = useTheme();
  return (
    <Menu
      inline
      defaultOpen
      checkedValues={{ theme: [choice] }}
      onCheckedValueChange={(_, { checkedItems }) => choose(checkedItems[0] as ThemeChoice)}
    >
      <MenuTrigger disableButtonEnhancement>
        <PersonButton />
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
