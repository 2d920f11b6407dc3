"use client";

import { Toast, type ToastIntent, ToastTitle, useToastController } from "@fluentui/react-components";

/** The one toaster of the portal. */
export const TOASTER = "toaster";

/** Says something in passing. What must not be missed stands on a page too. */
export function useSay(): (text: string, intent?: ToastIntent) => void {
  const { dispatchToast } = useToastController(TOASTER);
  return (text, intent = "info") =>
    dispatchToast(
      <Toast>
        <ToastTitle>{text}</ToastTitle>
      </Toast>,
      { intent },
    );
}
