import type { Contract, ContractName } from '../../core/contract.ts';
import { cogContract } from './cog.ts';
import { kserveContract } from './kserve.ts';
import { openaiContract } from './openai.ts';
import { rawContract } from './raw.ts';
import { runpodContract } from './runpod.ts';
import { sagemakerContract } from './sagemaker.ts';
import { vertexContract } from './vertex.ts';

const contracts: Readonly<Record<ContractName, Contract>> = {
  openai: openaiContract,
  sagemaker: sagemakerContract,
  cog: cogContract,
  vertex: vertexContract,
  runpod: runpodContract,
  kserve: kserveContract,
  raw: rawContract,
};

/** The contract of a name of the configuration. */
export function contractOf(name: ContractName): Contract {
  return contracts[name];
}
