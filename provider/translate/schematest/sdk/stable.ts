// What the schemas of the Messages API are made of.
import * as messages from '@anthropic-ai/sdk/resources/messages/messages';
import * as models from '@anthropic-ai/sdk/resources/models';
import * as shared from '@anthropic-ai/sdk/resources/shared';

export type MessagesRequest = messages.MessageCreateParams;
export type MessagesAnswer = messages.Message;
export type MessagesEvent = messages.RawMessageStreamEvent;
export type ErrorAnswer = shared.ErrorResponse;
export type ModelsEntry = models.ModelInfo;
