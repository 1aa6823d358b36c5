// The AI SDK's generateImage, one scenario a run: node ai_sdk.mjs <provider> <scenario> <model>. Prints JSON.
import fs from "node:fs";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateImage } from "ai";

const [provider, scenario, model] = process.argv.slice(2);
const access = { baseURL: process.env.OPENAI_BASE_URL, apiKey: process.env.OPENAI_API_KEY };
const providers = {
  openai: () => createOpenAI(access).image(model),
  compatible: () => createOpenAICompatible({ name: "compatible", ...access }).imageModel(model),
};
const a = fs.readFileSync("a.png");
const b = fs.readFileSync("b.jpg");
const mask = fs.readFileSync("mask.png");
const options = { openai: { quality: "high", outputFormat: "webp" }, compatible: { quality: "high", output_format: "webp" } };

const scenarios = {
  generate: { prompt: "a fox", n: 2, size: "1024x1024", providerOptions: options },
  plain: { prompt: "a fox" },
  editOne: { prompt: { text: "bluer", images: [a] }, n: 2 },
  editSeveral: { prompt: { text: "mix", images: [a, b] }, size: "1024x1024" },
  editMask: { prompt: { text: "bluer", images: [a], mask } },
  refused: { prompt: "sandbox:refuse" },
};

try {
  const result = await generateImage({ model: providers[provider](), maxRetries: 0, ...scenarios[scenario] });
  const images = result.images.map(({ base64, mediaType }) => ({ b64_json: base64, mediaType }));
  process.stdout.write(JSON.stringify({ images, usage: result.usage, warnings: result.warnings }));
} catch (error) {
  const { name, statusCode, message, data, isRetryable } = error;
  process.stdout.write(JSON.stringify({ error: { name, statusCode, message, data, isRetryable } }));
}
