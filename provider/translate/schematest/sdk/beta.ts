// What the schemas of the beta of the Messages API are made of.
import * as beta from '@anthropic-ai/sdk/resources/beta/beta';
import * as messages from '@anthropic-ai/sdk/resources/beta/messages/messages';
import * as models from '@anthropic-ai/sdk/resources/beta/models';

export type MessagesRequest = messages.MessageCreateParams;
export type MessagesAnswer = messages.BetaMessage;
export type MessagesEvent = messages.BetaRawMessageStreamEvent;
export type ErrorAnswer = beta.BetaErrorResponse;
export type ModelsEntry = models.BetaModelInfo;
