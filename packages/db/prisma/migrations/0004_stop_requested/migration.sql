-- AlterTable
ALTER TABLE "AgentExecution" ADD COLUMN     "stopRequestedAt" TIMESTAMP(3);
