"use client";

import { Text } from "@fluentui/react-components";
import { FormattedMessage, useIntl } from "react-intl";
import { PageHeader } from "../shell/page-header.tsx";
import { PageLink } from "../shell/page-link.tsx";

/** For an address that is no page's. */
export default function NotFoundPage() {
  const { formatMessage } = useIntl();
  return (
    <>
      <PageHeader title={formatMessage({ id: "problem.noPage.title" })} />
      <Text>
        <FormattedMessage
          id="problem.noPage"
          values={{
            home: text => (
              <PageLink key="home" href="/">
                {text}
              </PageLink>
            ),
          }}
        />
      </Text>
    </>
  );
}
